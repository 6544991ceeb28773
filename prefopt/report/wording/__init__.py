"""Every Korean and English text of the report, one module for each part of the page."""
