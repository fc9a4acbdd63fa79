"""All that a package may rest on.

Law: equal state and reason give equal bytes and an equal digest. The files in reading order: records (what the model
and the lists see), bundle (canonical form and digest), unread (a script of which nothing shows that it ran), excerpt
(what is left out of a prompt that would be too long).
"""
