"""From an executed notebook to one page: its blocks, its parameters, its markup."""
