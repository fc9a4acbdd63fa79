"""The published language: what other teams read and write on the topics.

Law: pure pydantic, knows nobody; nothing here reads a file, a clock or a network. One noun a file.
`schemas/generated/` is made from these models (`make generate`) and is enough for a team in another language.
"""
