"""Invented customers with known truth: the hidden process, and the records it leaves behind.

``scenarios`` fixes the numbers of a world; ``portfolio`` draws its accounts; ``usage`` what they
do; ``outcomes`` who leaves and why; ``activity``, ``people``, ``crm`` and ``support`` the records
a company would hold; ``dirt`` spoils them; ``truth`` says what was true.
The public door is ``cs_models.data.simulate``.
"""
