"""What drafts cost.

Files: model_ids (a model's one name), prices (a dated table), usage (tokens that were paid for), bills (of one
package), estimates (tokens before a call).
"""
