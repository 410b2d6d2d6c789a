"""The drawings of one chapter each, by the chapter's own name."""
