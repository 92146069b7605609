"""Plumbing that the lessons share: data, figures, checks, seeds. Never a lesson's model or loss."""
