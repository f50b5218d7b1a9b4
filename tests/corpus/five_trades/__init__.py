"""Scenarios of patterns in public code, in five trades (podcasts, an airport, charging stations, a farm, a law office),
that another author than that of the rules wrote and labelled before any rule ran on them. Of the rules this author had
read the published page and the defaults of their settings, and neither code nor other labels.
"""
