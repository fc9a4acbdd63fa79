"""The second reader: a small model that says of each statement whether the records bear it out.

Law: it can only remove. What it says never reaches a package, and without it the package is the gate's. The files in
reading order: question (what it is asked), findings (what it answered), versions, labelled (the measure of both).
"""
