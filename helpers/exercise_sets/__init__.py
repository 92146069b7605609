"""The exercises of each lesson, declared as `helpers.exercises` explains: one file `lesson_<slug>.py` a lesson."""
