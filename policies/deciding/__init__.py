"""What may leave, in which form, on which facts?"""
