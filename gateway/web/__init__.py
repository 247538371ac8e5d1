"""What stands around every call, whichever entrance it takes?"""
