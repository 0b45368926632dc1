"""A module for each group of routes: parse, look up, translate, ask, answer."""
