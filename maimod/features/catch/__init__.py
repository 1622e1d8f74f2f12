"""Numbers of catch: movements of the catcher."""
