"""A round as a job for a recipe: build the job, launch it, tune its options."""
