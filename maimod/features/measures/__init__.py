"""What whole measures would gain with other contents."""
