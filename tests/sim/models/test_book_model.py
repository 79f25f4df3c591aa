"""The book model against what exchanges and other programs say about real days."""




pytestmark = []
