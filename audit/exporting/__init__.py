"""In which form does the log leave: receipts, tiles, files?"""
