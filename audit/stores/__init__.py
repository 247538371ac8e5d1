"""Where do log and tree lie?"""
