"""How the waits of one triggerer share their questions: one DescribeJobs a target, whoever waits there."""
