// Sends the one form of the page (OAuth 2.0 Form Post Response Mode).
document.getElementById("form-post").submit();
