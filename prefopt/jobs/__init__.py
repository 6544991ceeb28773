"""Training by a service: rows go out, an adapter comes back, and the round waits in between.

service    what a service is asked for, and the values that go to and fro
"""
