"""The rules that find secrets, by family, and no order between families.

cloud, codes, connections, issued (by mark), keys, network, powershell, programs, prose (with nouns), shaped, tables,
tokens, windows.
"""
