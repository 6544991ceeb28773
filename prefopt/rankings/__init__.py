"""How far the teachers' answers can be trusted, what they said so far, and all of it as a table. No torch; knows no annotation tool."""
