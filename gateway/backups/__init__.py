"""How is a council backed up while it serves, and how does a backup become a council again?"""
