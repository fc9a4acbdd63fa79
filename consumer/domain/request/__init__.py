"""The life of a request.

The files in reading order: lifecycle (states and what moves them), schedule (when it is worked on), work (what is to be
done), cause (why there is a revision).
"""
