"""Questions of fourteen types in many wordings: `haystack[language=varied]`."""
