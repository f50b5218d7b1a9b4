"""Scenarios of patterns in public code that another author than that of the rules wrote and labelled, before any rule
ran on them. Of the rules this author had read the published pages (docs/reference: rules, and the defaults of their
settings) and the figures of the other sets, and neither code nor other labels.
"""
