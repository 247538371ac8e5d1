"""Has somebody asked too often?"""
