"""Numbers of taiko: colours and big notes."""
