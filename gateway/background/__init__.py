"""What runs beside requests?"""
