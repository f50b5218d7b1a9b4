"""A printed fix gives the same data as the calls that it replaces."""
