"""The doctor: looks at a running deployment, and says what is wrong and what to do."""
