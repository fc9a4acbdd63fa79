"""From the records and a draft to the text of a package, in each of its forms.

Law: any bundle and any draft give exactly the contract's shape; every text of a record is cleaned and escaped here. The
files in reading order: listing (the two lists), markdown (and plain text), html.
"""
