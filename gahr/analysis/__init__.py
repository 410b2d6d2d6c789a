"""One question of the book each: numbers, no drawings, no stored files."""
