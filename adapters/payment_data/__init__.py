"""Original payment data opened to customs (支付相关原始数据, GACC announcements 2018 No. 165 and 179).

Customs asks a platform for an order (``platDataOpen``); the platform answers at once and uploads the data of the whole
payment request, signed (``realTimeDataUpload``). The data go straight from the platform to customs: nothing of this runs
in the hub. ``form`` and ``checks`` are pure; ``records`` finds a platform's data, ``journal`` remembers what was asked,
``responder`` is the server.
"""
