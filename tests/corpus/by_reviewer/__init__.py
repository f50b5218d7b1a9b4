"""Scenarios of patterns in public code: a hotel, game tournaments, a newspaper, a school, a fleet of trucks, and sales.

Another author than that of the rules wrote them, and labelled them by what a reviewer wants to be told, before any rule
ran on them. Of the rules this author had read the published page, and neither code, thresholds nor other labels.
"""
