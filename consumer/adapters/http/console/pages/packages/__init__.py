"""Pages about one package.

The modules: package (as its receiver sees it, what each line rests on, its proof), revisions (what changed between
two).
"""
