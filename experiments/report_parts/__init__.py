"""What experiments/report.py and experiments/claims.py are made of: runs that are there, jobs within a job, items."""
