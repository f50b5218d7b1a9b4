"""How is a cure written? The code that findings print, as SQL, supabase-js and supabase-py."""
