"""Scenarios of patterns in public code that are labelled by the rules' documents: by what each document promises, with
its thresholds, before any rule ran on them.
"""
