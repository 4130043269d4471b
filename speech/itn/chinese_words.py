"""Words that show what a number means: labels, units, measure words, times of day."""

#: Every character that a kept word or a number starts with: the scanner passes over all others at once.
FIRST = "零〇一二三四五六七八九十幺两百千万负正0123456789星礼周腊初大年廿几数好上成双农阴旧夏第差"

#: Before a time they show that it is one.
DAY_PARTS = (
    "上午|下午|晚上|早上|凌晨|中午|傍晚|清晨|半夜|夜里|深夜|午夜|夜间|今晚|明晚|昨晚|今早|明早|当晚|早晨|"
    "今天|明天|昨天|后天|前天|星期[一二三四五六日天]|礼拜[一二三四五六日天]|周[一二三四五六日天]|"
    r"[零〇一二三四五六七八九十两百千万亿\d][号日]"
)

#: Points that are made, not told by a clock.
NO_HOUR = "意见|建议|要求|说明|内容|原因|理由|问题|想法|体会|看法|共识|注意|补充|结论|好处|优势"

#: After 一 they show that it means "a little".
A_LITTLE = "[都也儿点声没不余东小]"

#: After a bare hour under ten (三点) they show that it is a time and not three points.
AFTER_HOUR = (
    "钟|整|左右|以前|以后|之前|之后|前(?!面)|准时|过|差|多(?!余)|开会|开始|开门|上班|下班|出发|上课|下课|集合|见面|"
    "见(?!解|识)|起飞|起床|到达|睡觉|关门|的(?:会|飞机|火车|高铁|航班|票|车)|"
    "[^，。！？,.!?0-9点]{0,3}[到至][零一二三四五六七八九十两]{1,3}点"
)

#: After these, already two digits read one by one are written.
DIGIT_LABELS = (
    "尾号|号码|编号|工号|房间|验证码|密码|代码|区号|单号|学号|卡号|车牌|型号|电话|手机|拨打|分机|账号|代号|端口|"
    "单号|邮编|后四位|后两位"
)

#: Between a label and its digits.
AFTER_LABEL = "(?:是|为|：|:|，|,)?$"

#: Numbers under ten are written before these, from ten on before everything.
MEASURED = (
    r"元(?![素件月老旦首帅宵音])|美元|欧元|日元|港元|港币|英镑|美金|人民币|块钱|毛钱|毛(?![^\W负正])|分钱|岁|周岁|公里|千米|厘米|"
    "毫米|微米|纳米|米(?![饭粉线粒油面])|平方|立方|平米|公斤|千克|毫克|微克|克(?![服制拉])|斤|吨|毫升|微升|升(?![级起上温值降])|"
    "摄氏度|华氏度|号(?![召称])|折(?![腾叠磨])|千瓦|瓦(?=特|的|灯|功率)|伏(?=特|电|的)|安培|赫兹|兆|公顷|英寸|英尺|海里|毫秒|"
    "摩尔|毫摩|千帕|千卡|型(?=糖尿病|呼吸|呼衰)|单元(?!测)|栋(?=[一二三四五六七八九十]+(?:单元|楼|层))|"
    "路(?=公交|汽车|电车|车)|[GDg](?![A-Za-z])|℃|°|％|%"
)

#: 气温五度 is a temperature, 三度夺冠 is three times.
BEFORE_DEGREES = "(?:气温|温度|体温|水温|室温|低温|高温|调到|调至|升到|降到|降温|升温|烧到)(?:是|为|约|只有|大约)?$"

#: Measure words: after 百, 千 and 万 a closing 一 belongs to them (八百一个: 800 each), and before them 十 alone is 10.
COUNTED = (
    "个|名|位|人|天|年|月|日|号|小时|分钟|秒|次|条|件|张|台|只|块|元|毛|岁|度|米|公里|公斤|斤|克|吨|里|页|章|节|课|本|部|辆|架|艘|"
    "间|套|层|楼|站|倍|口|家|户|所|届|期|项|种|类|款|份|批|轮|场|局|支|首|集|遍|回|趟|步|英|平|立|毫|厘|美|欧|港|级|等|周|星期|"
    "瓶|盒|箱|袋|包|杯|碗|盘|颗|粒|片|根|把|双|对|组|队|班|门|篇|封|幅|座|栋|亩|升|多|余|摄氏|股"
)

#: Units that go on in smaller ones: 三元五角, 十二年六个月, 六斤八两.
COMPOUND_UNITS = "年|个月|天|小时|个小时|分钟|分(?![之钱])|秒(?!杀)|块|元|毛|角|斤|两(?![个种])"

#: After the digit behind a unit (三块五, 三十八度五) they show that nothing of its own is counted with it.
BARE_END = (
    r"毛|钱|的(?!确)|左右|包邮|以[上下内]|吧|呢|啊|了|还|就|都|太|也|每|到|至|高|低|长|宽|"
    rf"一(?:{COUNTED})|负|正负|[^\w]|$"
)
