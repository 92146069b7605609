"""Quizzes before and after each lesson: shown in the notebook, exported to Canvas and Moodle.

In a notebook::

    from helpers import quiz
    quiz.show("02_vae", "before")      # or "after"

On the command line::

    python -m helpers.quiz validate [02_vae …]
    python -m helpers.quiz export 02_vae canvas build/02_vae.txt      # text for text2qti
    python -m helpers.quiz export 02_vae moodle build/02_vae.xml

How to declare a quiz
=====================
Write ``quizzes/02_vae.yaml`` (the lesson's slug). A complete example::

    lesson: 02_vae
    title: The variational autoencoder
    before:
      - id: 02-before-1                  # number of the lesson, part, running number; cited in the objectives' met_by
        objective: elbo                  # id of an objective in the lesson's front matter, or "prerequisite"
        points: 1
        type: single                     # exactly one right answer
        question: What does the encoder of a VAE return for one image?
        answers:
          - text: One latent vector
            feedback: That is the plain autoencoder of lesson 1.
          - text: The mean and the log-variance of a Gaussian
            correct: true
            feedback: Yes, a small cloud for each image.
          - text: A class label
            feedback: No label is used anywhere in this lesson.
    after:
      - id: 02-after-1
        objective: elbo
        points: 2
        type: multiple                   # at least one right and one wrong answer
        question: Which statements about `logvar` hold?
        code: |                          # optional, shown as a block under the question
          std = exp(0.5 * logvar)
        answers:
          - {text: "It may be negative", correct: true, feedback: "It is the log of a variance below 1."}
          - {text: "It is σ", feedback: "It is log σ²."}
          - {text: "0 means unit width", correct: true, feedback: "exp(0) = 1."}
      - id: 02-after-2
        objective: elbo
        points: 1
        type: numeric
        question: "μ = 1 and σ = 1: what is the divergence to N(0, 1) in nats?"
        unit: nats                       # optional
        answer: {value: 0.5, tolerance: 0.01, feedback: "½ μ², as σ matches the prior."}
        wrong:                           # known wrong values, at least one
          - {value: 1, tolerance: 0.01, feedback: "The factor ½ is missing."}
        otherwise: Put μ and σ into Eq. 4; two of the four terms cancel.

Rules that ``load`` checks, beside ``quizzes/schema.json``: ids are unique and start with the lesson's number and the part;
every answer has feedback; no two answers read alike; a single question has one right answer, a multiple one at least one right and
one wrong; over the single questions of a file the right answer doesn't always stand in the same place, and isn't
the longest one in more than two thirds of them; no LaTeX (``$…$``, ``\\frac``): maths is written in Unicode (μ, σ², ½, ∑, ≤,
log p(x|z)), because a quiz can't typeset it offline. Text in `backticks` is shown as code. At least five questions a part
in a lesson (two in ``00_start_here``). Feedback is shown by itself, so write whole sentences.
"""
