"""The grader's parts, which `helpers.grade` puts together; no part of the students' edition.

On the grader's side: `submissions` finds what was handed in, `variants` says which numbers a student was asked for, `workers`
starts a process for each student's code and `session` talks to it. `judge` compares what comes back with what is expected,
`remote` stands in for the student's functions meanwhile, and `pages` writes points and feedback.

On the student's side: `zygote` forks the process, `sandbox` puts walls around it, `watch` counts what it uses and ends it, and
`worker` runs the code. `notebook` and `code` say, there too, which cells an answer needs. Between the sides only `wire` goes.

`nbgrader` and `points` give the same points where a class runs nbgrader. Nothing is imported here: a worker must not hold what
the judge knows. Several modules have the name of a library's or of a usual variable, so they are imported as, say,
`from helpers.grading import code as grading_code`.
"""
