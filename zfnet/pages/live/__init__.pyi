from .front import front_page as front_page
