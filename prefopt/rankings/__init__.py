"""The teachers' rankings: agreement, reliability, consensus, the log of answers, and all of it as a table. Without torch; independent of
the annotation tool."""
