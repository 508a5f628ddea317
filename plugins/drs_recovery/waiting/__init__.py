"""How the waits of one triggerer share their questions: one DescribeJobs a place, whoever waits there."""
