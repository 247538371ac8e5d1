"""What lies in a council's directory: its files, its keys, its sources?"""
