"""What is an entry, what hides in it, and what opens that?"""
