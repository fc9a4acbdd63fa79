"""The rules that find secrets, by family, and no order between families.

cloud, connections, issuers, keys, network, powershell, prefixes, prose (with nouns and layout), tables, tokens, windows.
"""
