"""Clients that mean no good: what they send, and what the server must do all the same."""
