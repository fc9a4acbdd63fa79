"""From a bundle to the five sections.

Law: code writes what must be true (headings, lists, outcomes, order, fixed sentences), in the words of the package's
language; a draft adds prose only. The files in reading order: sections, outcome_table (what each outcome makes the
package say), fence (the records as a model gets them), prompt, draft (how an answer is read), frames (what models put
around one), ledger (drafts that were paid for), rules_draft (without a model), impact (what an intake says of it),
reporter (who reported it), errand (what a reason asks), quotes (what would quote the intake at length), fact_lines
(a fact's bullet beside its text).
"""
