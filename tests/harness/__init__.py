"""What the suites share: a real server on a free port, AWS's clients pointed at it, manifests, and raw requests."""
