"""Kit: the code that findings print, as SQL, supabase-js and supabase-py, for a query that was seen. Pure."""
