"""What an electrode is and what we want of it: recipes, limits, closed-form physics. Numpy at most."""
