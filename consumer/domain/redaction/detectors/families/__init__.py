"""The rules that find secrets, by family, and no order between families.

cloud, connections, issuers, keys, network, powershell, prose (with nouns and layout), tables, tokens, windows.
"""
